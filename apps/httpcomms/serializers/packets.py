"""Packets: of a session, of many sessions, and one of them in its layers."""

from typing import Any

from rest_framework import serializers


class PacketSerializer(serializers.Serializer):
    """One packet of a TCP session."""

    number = serializers.IntegerField(help_text="Its place among the session's kept packets, from 1.")
    date = serializers.DateTimeField()
    direction = serializers.ChoiceField(["client", "server"], help_text="Who sent it.")
    flags = serializers.ListField(child=serializers.CharField(), help_text="TCP flags that are set, RFC 9293 §3.1.")
    seq = serializers.IntegerField(help_text="Sequence number, relative to the first one seen in its direction.")
    ack = serializers.IntegerField(allow_null=True, help_text="Acknowledgement number, relative as well.")
    window = serializers.IntegerField(help_text="As in the header, not scaled.")
    length = serializers.IntegerField(help_text="Payload bytes captured.")
    missing = serializers.IntegerField(help_text="Payload bytes that the capture's snap length cut.")


class PacketsSerializer(serializers.Serializer):
    """The packets of a TCP session in the order of their capture."""

    packets = PacketSerializer(many=True)
    total = serializers.IntegerField(help_text="How many are kept, listed or not.")
    truncated = serializers.BooleanField(help_text="Only the first ones are listed; the pcap holds all.")


class PacketFieldSerializer(serializers.Serializer):
    """A field of a header, and the bytes it stands in."""

    name = serializers.CharField()
    value = serializers.CharField()
    start = serializers.IntegerField(help_text="First byte in the packet, from 0.")
    end = serializers.IntegerField(help_text="The byte after its last one.")


class PacketLayerSerializer(serializers.Serializer):
    """A layer of a packet."""

    name = serializers.CharField()
    summary = serializers.CharField()
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    fields_ = PacketFieldSerializer(many=True)

    def get_fields(self) -> Any:
        """`fields` is a name of serializers themselves."""
        found = super().get_fields()
        found["fields"] = found.pop("fields_")
        return found


class PacketDetailSerializer(serializers.Serializer):
    """One packet with its layers and its bytes."""

    packet = PacketSerializer()
    link = serializers.IntegerField(help_text="Link type, a LINKTYPE_ number.")
    layers = PacketLayerSerializer(many=True)
    bytes = serializers.CharField(help_text="The captured bytes as hexadecimal digits, the first 64 KB.")
    captured = serializers.IntegerField(help_text="Bytes that were captured.")
    original = serializers.IntegerField(help_text="Bytes it had on the wire.")


class EndSerializer(serializers.Serializer):
    """One end of a TCP session."""

    ip = serializers.IPAddressField()
    port = serializers.IntegerField()
    name = serializers.CharField()


class PacketRowSerializer(PacketSerializer):
    """A packet with where it came from and went to."""

    direction = None
    tcpSession = serializers.CharField()  # noqa: N815 - a name of the API
    number = serializers.IntegerField(help_text="Its place among the packets of the session, from 1.")
    source = EndSerializer()
    target = EndSerializer()


class PacketRowsSerializer(serializers.Serializer):
    """The newest packets first."""

    packets = PacketRowSerializer(many=True)
    total = serializers.IntegerField(help_text="Packets in the range, of the sessions that were read.")
    sessionsRead = serializers.IntegerField()  # noqa: N815 - a name of the API
    sessions = serializers.IntegerField(help_text="Sessions that fit.")
