"""Recall: ranked search over one user's transcript and memories, and word search over the transcript."""

from ingat.services.recall.pages import SearchSort
from ingat.services.recall.recaller import Recaller

__all__ = ["Recaller", "SearchSort"]
