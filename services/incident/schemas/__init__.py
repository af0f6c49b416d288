"""Shapes at the border: `commands` in, `snapshot` out, `intake` and `problem` from others, `settings` of the desk."""
