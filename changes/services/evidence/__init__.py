"""Evidence packs: asking for one, making it, handing it out and letting it expire."""
