"""What the mart is asked, a module a question; all are of a slice and take its reach into the SQL."""
