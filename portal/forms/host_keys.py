"""The form that takes a known_hosts text."""

from __future__ import annotations

from django import forms


class KnownHostsForm(forms.Form):
    """Lines as ssh-keyscan prints them, pasted or as a file."""

    known_hosts = forms.CharField(
        label="Lines of a known_hosts file",
        required=False,
        widget=forms.Textarea(attrs={"rows": 10, "class": "mono", "spellcheck": "false"}),
        help_text="One key a line: host or [host]:port as in the inventory, key type, key.",
    )
    file = forms.FileField(label="Or a file", required=False)
