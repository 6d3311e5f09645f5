"""The search API. Views translate: parameters to a request, a selector's answer to JSON. The scope goes with every
read."""
