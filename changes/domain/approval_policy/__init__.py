"""Approval policies as data: documents, what they ask of a change, and who may act in the stages. Pure rules.

``reading`` and ``parsing`` take a document in, ``evaluation`` says what it asks and why, ``demands`` compares two
answers, ``clock`` says who is to be reminded, ``carry_over`` and ``delegation`` say which approvals count.
"""
