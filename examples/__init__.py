"""Applications that use Clarion; they import `pipeline` and are imported by none.

forum/    threads and messages: the web app that the demo, the tests and the benchmarks run against
"""
