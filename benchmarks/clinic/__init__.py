"""The clinic: does the doctor find what was planted, is it silent about the healthy, and do its prescriptions work?"""
