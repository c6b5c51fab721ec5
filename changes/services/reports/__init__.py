"""Making reports: each section counts its facts once, when the report is made, and the whole is stored for good."""
