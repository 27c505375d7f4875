"""Twilio's address and limits."""

API = "https://api.twilio.com"
MOST_MEDIA = 10
TOTAL_SECONDS = 10
