"""A local Twilio for development, tests and demonstrations: the same wire, and phones in the browser.

It runs only with SANDBOX=1, and knows nothing of the application that it stands beside.
"""
