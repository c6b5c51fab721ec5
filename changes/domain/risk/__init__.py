"""How risky a change is: a score that is added up from facts, each part with its reason and what would lower it.

The facts are in `facts`, the weights (data with a version) in `weights`, the sentences and the sum in `scoring`, the
questions about facts that nobody knows yet in `questions`, and who may set another level in `overriding`.
"""
