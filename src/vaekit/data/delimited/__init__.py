"""Delimited text files (CSV and its relatives): the one reader behind tables and texts.

    options   the options of reading: delimiter, encoding, header; the marks of missing cells
    encoding  which bytes are text, and in what encoding
    dialect   the delimiter, the quotes, and whether the first line names the columns
    layout    all of that for one file, found without reading its rows
    reading   the rows as strings: all at once, or a few megabytes at a time

Only `reading` needs pyarrow: the kind of a source is found without it.
"""
