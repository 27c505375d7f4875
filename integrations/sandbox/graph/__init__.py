"""A local Meta: the Graph for Messenger and Instagram, beside the phones, in the same server and the same file."""
