"""The words tests build captures with; told in `apps/captures/sample/conversation.py`.

from tests.captures import Capture, request, response

capture = Capture()
capture.conversation("10.0.0.1:40000", "10.0.0.2:80").connect().request(request("GET", "/a")).response(
    response(200, body=b"hello", chunked=True, coding="gzip")
).retransmit(-1).close()
data = capture.pcap()                      # or pcapng(), both byte orders, or frames() one by one
"""

from apps.captures.sample import frames
from apps.captures.sample.conversation import CLIENT, SERVER, START, Capture, Conversation, Segment
from apps.captures.sample.files import Frame, Pcapng, pcap
from apps.captures.sample.messages import chunks, message, request, response

__all__ = [
    "CLIENT",
    "SERVER",
    "START",
    "Capture",
    "Conversation",
    "Frame",
    "Pcapng",
    "Segment",
    "chunks",
    "frames",
    "message",
    "pcap",
    "request",
    "response",
]
