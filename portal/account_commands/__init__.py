"""Django's own commands about accounts, made to leave an event.

An app of its own because it has to stand above ``django.contrib.auth``: of two commands of one name the upper app's
counts, while the composition root is set up last.
"""
