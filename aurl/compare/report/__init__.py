"""The comparison as HTML, Markdown, LaTeX and on the terminal."""
