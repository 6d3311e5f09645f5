"""Figures of groups."""

from rest_framework import serializers


class FigureStepSerializer(serializers.Serializer):
    """A group's figures in one step of time."""

    start = serializers.IntegerField(help_text="Nanoseconds since the epoch.")
    calls = serializers.IntegerField()
    figure = serializers.FloatField(allow_null=True)


class GroupSerializer(serializers.Serializer):
    """The figures of one group."""

    values = serializers.DictField(
        child=serializers.CharField(allow_null=True), help_text="By field; null: communications without a value."
    )
    calls = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="Calls with a 4xx or 5xx response, or with none.")
    figure = serializers.FloatField(allow_null=True, help_text="The metric that was asked for.")
    p50 = serializers.FloatField(allow_null=True, help_text="Of the duration, in ms.")
    p95 = serializers.FloatField(allow_null=True, help_text="Of the duration, in ms.")
    p99 = serializers.FloatField(allow_null=True, help_text="Of the duration, in ms.")
    size = serializers.FloatField(allow_null=True, help_text="Mean bytes of a response.")
    steps = FigureStepSerializer(
        many=True, help_text="Empty unless `per` is `interval`; steps without calls are left out."
    )


class StatisticsSerializer(serializers.Serializer):
    """Figures of groups, the largest first."""

    since = serializers.IntegerField(help_text="Nanoseconds since the epoch.")
    until = serializers.IntegerField(help_text="Nanoseconds since the epoch.")
    interval = serializers.IntegerField(allow_null=True, help_text="Length of a step in nanoseconds.")
    metric = serializers.CharField()
    function = serializers.CharField()
    unit = serializers.CharField(allow_null=True, help_text="ms, bytes, or null.")
    total = serializers.IntegerField(help_text="Communications in all groups together.")
    more = serializers.BooleanField(help_text="There are more groups than are listed.")
    groups = GroupSerializer(many=True)
