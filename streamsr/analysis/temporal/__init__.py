"""How still a processed video holds, measured against the video it was made of."""
