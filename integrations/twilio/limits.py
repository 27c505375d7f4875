"""Twilio's address and limits."""

API = "https://api.twilio.com"
MOST_MEDIA = 10
LONGEST_TEXT = 1600  # characters: https://www.twilio.com/docs/api/errors/21617
TOTAL_SECONDS = 10
