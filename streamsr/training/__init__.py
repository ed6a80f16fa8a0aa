"""Data, losses and one readable loop per recipe."""
