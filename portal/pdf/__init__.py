"""Pages as PDF: made by WeasyPrint in a process of its own, with limits, that fetches nothing."""
