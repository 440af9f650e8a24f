"""The report of a run: one HTML page with its pictures.

report    the whole page;  page  its HTML;  figures  its charts;  walks  data between data
numbers, settings, layers, latent_map    its sections;  doctor, doctor_figures  findings and what they rest on
"""
