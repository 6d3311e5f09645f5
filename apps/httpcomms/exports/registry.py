"""Every format, by the name that the API and the dialog know it by."""

from apps.httpcomms.exports import as_csv, as_curl, as_har, as_json, as_k6, as_ndjson, as_pcap
from apps.httpcomms.exports.base import Format

_MASKED = "Secrets stay masked, as they were when they were captured."
_EXCERPTS = "Of bodies only the beginning is in it, as it is searched; HAR has whole ones."
_BODIES = "Bodies that are not kept (left out by configuration, or past their retention) are missing."
_UNSEEN = "Communications whose request was not seen are left out."

FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        Format("json", "JSON", "The documents as they are stored, one object", "json", "application/json",
               "documents", as_json.write, (_MASKED, _EXCERPTS)),
        Format("ndjson", "NDJSON", "A document a line, for programs", "ndjson", "application/x-ndjson",
               "documents", as_ndjson.write, (_MASKED, _EXCERPTS)),
        Format("csv", "CSV", "The columns of the grid, for spreadsheets", "csv", "text/csv; charset=utf-8",
               "documents", as_csv.write,
               (_MASKED, "What would start a formula gets an apostrophe in front.")),
        Format("har", "HAR", "For browsers' Network panel, with bodies", "har", "application/json",
               "bodies", as_har.write, (_MASKED, _BODIES), bodies=True),
        Format("pcap", "pcap", "The packets of exactly these exchanges", "pcapng", "application/x-pcapng",
               "packets", as_pcap.write,
               ("Packets are as they were: credentials in them are not masked.",
                "Packets that are not kept any more are missing."), packets=True),
        Format("curl", "curl", "A shell script that sends the requests again", "sh", "text/x-shellscript",
               "requests", as_curl.write, (_MASKED, _UNSEEN, _BODIES), bodies=True),
        Format("k6", "k6", "A load test, with pauses and checks", "js", "text/javascript",
               "requests", as_k6.write,
               ("No credentials are in it: they come from the environment.", _UNSEEN, _BODIES), bodies=True),
    )
}  # fmt: skip
