"""What maps, sequence diagrams and waterfalls are drawn from."""

from typing import Any

from rest_framework import serializers


class TimingsSerializer(serializers.Serializer):
    """The parts of a call's time, in ms."""

    send = serializers.FloatField(help_text="First to last byte of the request.")
    wait = serializers.FloatField(help_text="Last byte of the request to first byte of the response.")
    receive = serializers.FloatField(help_text="First to last byte of the response.")


class CallSerializer(serializers.Serializer):
    """A communication between two named ends."""

    id = serializers.CharField()
    start = serializers.IntegerField(help_text="Nanoseconds since the epoch.")
    end = serializers.IntegerField(allow_null=True, help_text="Last byte of the response; null without one.")
    client = serializers.CharField()
    server = serializers.CharField()
    identification = serializers.CharField(help_text="Who the client is; empty when that is not known.")
    method = serializers.CharField()
    path = serializers.CharField(help_text="With the query.")
    template = serializers.CharField(help_text="Empty where no template fits.")
    status = serializers.CharField(help_text="The code, or `none`.")
    duration = serializers.FloatField(allow_null=True, help_text="In ms.")
    timings = TimingsSerializer(allow_null=True)
    correlation = serializers.ListField(child=serializers.CharField())
    parent = serializers.CharField(help_text="Id of the call that it is within; empty when none is known.")
    joined = serializers.ChoiceField(["", "correlation", "time"], help_text="How that is known.")
    depth = serializers.IntegerField(help_text="How many calls are around it.")

    def get_fields(self) -> dict[str, Any]:
        """`class` is a word of Python."""
        digit = serializers.CharField(help_text="First digit of the status; 0 without a response.")
        return super().get_fields() | {"class": digit}


class ConversationSerializer(serializers.Serializer):
    """Calls that are linked by shared correlation identifiers."""

    correlation = serializers.CharField()
    calls = serializers.IntegerField()
    first = serializers.CharField(help_text="Id of the first of them.")


class CallsSerializer(serializers.Serializer):
    """The first calls of a result, in the order of their start."""

    calls = CallSerializer(many=True)
    services = serializers.ListField(child=serializers.CharField(), help_text="In the order of first appearance.")
    conversations = ConversationSerializer(many=True, help_text="Largest first.")
    total = serializers.IntegerField(help_text="How many fit in all.")
    atLeast = serializers.BooleanField(help_text="The total is a lower bound.")  # noqa: N815 - a name of the API
    leftOut = serializers.IntegerField(help_text="How many fit but are not given.")  # noqa: N815 - a name of the API


_CLASSES = serializers.DictField(
    child=serializers.IntegerField(), help_text="By status class: 1xx to 5xx, and none without a response."
)


class MapNodeOfSerializer(serializers.Serializer):
    """A node of the map."""

    id = serializers.CharField()
    name = serializers.CharField()
    known = serializers.CharField(help_text="Name of an address, where it has one.")
    kind = serializers.ChoiceField(["client", "service", "template"], help_text="A client is never asked anything.")
    members = serializers.ListField(child=serializers.CharField(), help_text="Names that are this node.")
    requests = serializers.IntegerField(help_text="Communications in which it is the server.")
    calls = serializers.IntegerField(help_text="Communications in which it is the client.")
    classes = _CLASSES
    callClasses = _CLASSES  # noqa: N815 - a name of the API
    column = serializers.FloatField(help_text="Where it is drawn, from the clients on.")
    row = serializers.FloatField(help_text="Where it is drawn in its column, from the middle on.")
    condition = serializers.CharField()
    only = serializers.CharField(help_text="The query with this node alone; without that if it was so already.")
    exclude = serializers.CharField(help_text="The query without this node.")


class MapEdgeSerializer(serializers.Serializer):
    """Communications of one node with another."""

    id = serializers.CharField()
    source = serializers.CharField()
    target = serializers.CharField()
    count = serializers.IntegerField()
    classes = _CLASSES
    p50 = serializers.FloatField(allow_null=True, help_text="Of the duration, in ms.")
    p95 = serializers.FloatField(allow_null=True, help_text="Of the duration, in ms.")
    bytes = serializers.IntegerField(help_text="Of requests and responses; 0 where a gateway lies between.")
    bound = serializers.BooleanField(help_text="The percentiles are at most these: several pairs are one edge.")
    estimated = serializers.BooleanField(help_text="Scaled up from the communications that were read.")
    via = serializers.ListField(child=serializers.CharField(), help_text="Gateways between.")
    condition = serializers.CharField()
    only = serializers.CharField()
    exclude = serializers.CharField()


class MapHiddenSerializer(serializers.Serializer):
    """What became of the gateways' communications, of those that were read."""

    gateways = serializers.ListField(child=serializers.CharField())
    by = serializers.ChoiceField(["correlation"])
    joined = serializers.IntegerField(help_text="With services behind a gateway, joined with who asked.")
    unjoined = serializers.IntegerField(help_text="With services behind a gateway; who asked is not known.")
    own = serializers.IntegerField(help_text="Answered by a gateway itself.")
    read = serializers.IntegerField()
    of = serializers.IntegerField()


class MapSerializer(serializers.Serializer):
    """Who calls whom."""

    mode = serializers.CharField()
    seconds = serializers.FloatField(help_text="Length of the range, for rates.")
    nodes = MapNodeOfSerializer(many=True)
    edges = MapEdgeSerializer(many=True)
    total = serializers.IntegerField(help_text="Communications that fit.")
    drawn = serializers.IntegerField(help_text="Communications in the edges.")
    edgesLeftOut = serializers.IntegerField()  # noqa: N815 - a name of the API
    more = serializers.BooleanField(help_text="There are still smaller pairs that were not looked at.")
    hidden = MapHiddenSerializer(allow_null=True)


class _MostlySerializer(serializers.Serializer):
    status = serializers.CharField()
    template = serializers.CharField()


class MapSideSerializer(serializers.Serializer):
    """What a node does as a server, or as a client."""

    count = serializers.IntegerField()
    classes = _CLASSES
    p50 = serializers.FloatField(allow_null=True)
    p95 = serializers.FloatField(allow_null=True)
    mostly = serializers.DictField(child=_MostlySerializer(), help_text="Most frequent status of 4xx and of 5xx.")


class _MapServerSerializer(serializers.Serializer):
    name = serializers.CharField()
    count = serializers.IntegerField()
    classes = _CLASSES
    p95 = serializers.FloatField(allow_null=True)


class _MapTemplateSerializer(serializers.Serializer):
    name = serializers.CharField()
    p95 = serializers.FloatField(allow_null=True)
    count = serializers.IntegerField()


class MapNodeSerializer(serializers.Serializer):
    """Figures of one node."""

    seconds = serializers.FloatField()
    server = MapSideSerializer()
    client = MapSideSerializer()
    servers = _MapServerSerializer(many=True)
    templates = _MapTemplateSerializer(many=True, help_text="Slowest first.")


class MapRulesTrySerializer(serializers.Serializer):
    """Rules to try, and names to try them on."""

    rules = serializers.JSONField(required=False)
    names = serializers.ListField(child=serializers.CharField(), required=False)


class MapRulesSerializer(serializers.Serializer):
    """What rules make of names."""

    rules = serializers.JSONField()
    usual = serializers.JSONField()
    nodes = serializers.DictField(child=serializers.CharField())
    gateways = serializers.ListField(child=serializers.CharField())
