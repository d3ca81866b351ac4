"""Sends the messages in the files named last, in one session, with Python's smtplib; prints a reply a message."""

import smtplib
import sys


def send(session, sender, options, recipients, message):
    """The first refusal, or the answer to the message."""
    code, text = session.mail(sender, options)
    for recipient in recipients:
        if code >= 400:
            break
        code, text = session.rcpt(recipient)
    if code < 400:
        code, text = session.data(message)
    if code >= 400:
        session.rset()
    return code, text


def main():
    host, port, sender, options, recipients, *files = sys.argv[1:]
    with smtplib.SMTP(host, int(port), local_hostname="client.example.test", timeout=60) as session:
        session.ehlo()
        session.command_encoding = "utf-8"
        for name in files:
            with open(name, "rb") as file:
                message = file.read()
            code, text = send(session, sender, options.split(), recipients.split("\n"), message)
            print(code, text.decode("utf-8", "replace").replace("\n", " "))


main()
