"""Cheap facts about a frame from its planes: is it a duplicate, is it a cut, how did it move."""
