"""What there is around a communication."""

from rest_framework import serializers


class DurationRankSerializer(serializers.Serializer):
    """Its duration beside others of its kind in the hour before it."""

    like = serializers.CharField(help_text="Its template, else its method and path.")
    query = serializers.CharField(help_text="The query that finds them.")
    count = serializers.IntegerField(help_text="How many were answered, this one among them.")
    faster = serializers.FloatField(help_text="Per cent of the others that took less time.")
    p50 = serializers.FloatField()
    p95 = serializers.FloatField()
    p99 = serializers.FloatField()


class LinkSerializer(serializers.Serializer):
    """An identifier that links it with others, within an hour before and after."""

    value = serializers.CharField()
    query = serializers.CharField()
    others = serializers.IntegerField()


class PlaceSerializer(serializers.Serializer):
    """Its place among the communications of its TCP session."""

    position = serializers.IntegerField(help_text="From 1; 0 where it is not known.")
    total = serializers.IntegerField()
    before = serializers.CharField(help_text="Id of the one before; empty for the first.")
    after = serializers.CharField(help_text="Id of the one after; empty for the last.")


class RelatedSerializer(serializers.Serializer):
    """What there is around a communication."""

    comparison = DurationRankSerializer(allow_null=True, help_text="Null with too few to compare with.")
    links = LinkSerializer(many=True)
    session = PlaceSerializer()
