"""Answers of searches: pages, timelines, what is missing from them, facets, and what is said of a query."""

from rest_framework import serializers

from apps.httpcomms.serializers.documents import CommunicationSerializer, TcpSessionSerializer


class PageSerializer(serializers.Serializer):
    """One page of a search."""

    hits = CommunicationSerializer(many=True)
    after = serializers.CharField(allow_null=True, help_text="Give it back to get the next page; null on the last one.")
    total = serializers.IntegerField(help_text="How many fit in all.")
    atLeast = serializers.BooleanField(help_text="The total is a lower bound.")  # noqa: N815 - a name of the API
    partial = serializers.BooleanField(help_text="Not the whole range was searched.")
    searchedFrom = serializers.DateTimeField(  # noqa: N815 - a name of the API
        allow_null=True, help_text="Nothing before it was looked at; null where the range has no beginning."
    )
    took = serializers.FloatField(help_text="How long the search took, in ms.")


class SessionPageSerializer(PageSerializer):
    """One page of TCP sessions."""

    hits = TcpSessionSerializer(many=True)


class TimelineValueSerializer(serializers.Serializer):
    """A value and how many communications have it."""

    value = serializers.CharField()
    count = serializers.IntegerField()


class BucketSerializer(serializers.Serializer):
    """One step of a timeline."""

    start = serializers.IntegerField(help_text="Nanoseconds since the epoch.")
    total = serializers.IntegerField()
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="By value; the rest has others.")


class TimelineSerializer(serializers.Serializer):
    """Communications by time."""

    since = serializers.IntegerField(help_text="Nanoseconds since the epoch.")
    until = serializers.IntegerField(help_text="Nanoseconds since the epoch.")
    interval = serializers.IntegerField(help_text="Length of a step in nanoseconds.")
    by = serializers.CharField(help_text="The field whose values are counted.")
    values = TimelineValueSerializer(many=True, help_text="The most frequent values in the range.")
    buckets = BucketSerializer(many=True, help_text="Steps without communications are left out.")


class MarkSerializer(serializers.Serializer):
    """What is wrong between two moments."""

    first = serializers.IntegerField(help_text="Nanoseconds since the epoch.")
    last = serializers.IntegerField(help_text="Nanoseconds since the epoch, not part of it.")
    kind = serializers.ChoiceField(
        ["alarm", "loss", "gap", "error"],
        help_text="Sums that do not add up, packets that are lost, bytes never seen, or traffic that was not parsed.",
    )
    whisperer = serializers.CharField()
    name = serializers.CharField(help_text="The whisperer's name.")
    counts = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="Packets by reason (`dropped.kernel`, `abandoned`, `late`, `putAside`), chunks (`holes`), "
        "communications (`gap`, `truncated`, `error`), `sessions`, `bytes`, and captures (`alarms`).",
    )
    words = serializers.CharField(help_text="The counts as people say them.")


class QualitySerializer(serializers.Serializer):
    """What is missing from the traffic of a range, and why."""

    since = serializers.IntegerField(help_text="Nanoseconds since the epoch.")
    until = serializers.IntegerField(help_text="Nanoseconds since the epoch.")
    interval = serializers.IntegerField(help_text="Length of a step in nanoseconds.")
    complete = serializers.BooleanField(help_text="False where there was more than one answer looks at.")
    totals = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()), help_text="Sums of the counts, by kind."
    )
    marks = MarkSerializer(many=True)


class FacetTermSerializer(serializers.Serializer):
    """A value and how many communications have it."""

    value = serializers.CharField(help_text="The value; of a number in stretches, their words.")
    term = serializers.CharField(help_text="The value as a query has it: `field:term`.")
    count = serializers.IntegerField()


class FacetSerializer(serializers.Serializer):
    """The most frequent values of a field."""

    field = serializers.CharField()
    values = FacetTermSerializer(many=True)
    missing = serializers.IntegerField(help_text="Communications without a value.")
    others = serializers.IntegerField(help_text="Communications with a value that is not listed.")
    total = serializers.IntegerField(help_text="Communications counted about.")
    share = serializers.FloatField(help_text="Below 1 only so much of the total was counted: counts are lower bounds.")
    withoutChoice = serializers.BooleanField(  # noqa: N815 - a name of the API
        help_text="Values of this field that the query chooses were left aside, so that the others are counted too."
    )


class FacetsSerializer(serializers.Serializer):
    """Facets, in the order asked for."""

    facets = FacetSerializer(many=True)


class CorrectionSerializer(serializers.Serializer):
    """What would mend a query: text in place of a part of it."""

    start = serializers.IntegerField()
    end = serializers.IntegerField()
    text = serializers.CharField()


class VerdictSerializer(serializers.Serializer):
    """What is said of a query: what is wrong, or hardly meant. Positions count code points from 0."""

    message = serializers.CharField()
    short = serializers.CharField(help_text="The same in a few words.")
    position = serializers.IntegerField()
    end = serializers.IntegerField()
    correction = CorrectionSerializer(required=False)


class ChangedQuerySerializer(serializers.Serializer):
    """The query after a change."""

    q = serializers.CharField()


class QueryCheckSerializer(serializers.Serializer):
    """Whether the query can be searched for, and what is said of it."""

    valid = serializers.BooleanField()
    error = VerdictSerializer(required=False)
    doubt = VerdictSerializer(required=False)
