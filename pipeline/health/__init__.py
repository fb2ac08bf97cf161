"""Is it healthy, how far behind is it, what is stuck: for operators, without any other program.

    sampling.py   how it is now, every few seconds, into a table of one day
    series.py     samples into lines over time         plots.py   lines into SVG
    findings.py   what is wrong, in sentences
    acts.py       what operators do about it, with a note of who did
    page.py       all of it on one page of Django's admin

Prometheus has more and keeps it longer (`deploy/`); this needs nothing but what is there anyway.
"""
