"""Change templates as runbooks: their document, its digest, the schema of their variables, and the envelope.

Everything here is pure: values in, values out.
"""
