"""Tables: files, exhibits of the report, quality of synthetic rows."""
