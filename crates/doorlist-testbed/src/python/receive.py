"""A destination made of aiosmtpd: writes each message, byte for byte as it came, into a maildir."""

import asyncio
import os
import sys

from aiosmtpd.smtp import SMTP


class Destination(SMTP):
    """Takes lines of any length: what it is sent is the test's business."""

    line_length_limit = 64 * 1024 * 1024


class Keep:
    """Keeps each message once for each recipient, under two lines that name the envelope."""

    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    async def handle_DATA(self, server, session, envelope):
        for recipient in envelope.rcpt_tos:
            self.count += 1
            part = os.path.join(self.folder, "tmp", str(self.count))
            with open(part, "wb") as file:
                top = f"Return-Path: <{envelope.mail_from}>\r\nX-Original-To: {recipient}\r\n"
                file.write(top.encode() + envelope.original_content)
            os.rename(part, os.path.join(self.folder, "new", str(self.count)))
        return "250 2.0.0 Ok: kept"


async def main():
    port, folder = sys.argv[1:]
    keep = Keep(folder)
    make = lambda: Destination(keep, data_size_limit=None, enable_SMTPUTF8=True, decode_data=False, ident="aiosmtpd")
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", int(port))
    await server.serve_forever()


asyncio.run(main())
