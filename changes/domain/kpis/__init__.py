"""Key figures of the change process: exactly what each counts, how it reads, and how two periods compare. Pure."""
