"""An EOS-like switch behind eAPI: configuration sessions, the commit timer, replacement of the whole configuration."""
