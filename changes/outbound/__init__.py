"""What leaves the installation for other people's systems: signed webhook calls and e-mails. Nothing else does."""
