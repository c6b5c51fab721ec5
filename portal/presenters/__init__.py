"""What a page shows, worked out before a template sees it: small frozen values, so that templates only print."""
