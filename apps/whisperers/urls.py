"""Addresses of the pages. The API has its own in `apps.whisperers.api.urls`, the tab Files is in `apps.captures`."""

from django.urls import path

from apps.whisperers.views import accounts, pages, tabs

ONE = "whisperers/<uuid:id>/"
ACCOUNT = "service-accounts/<int:id>/"

urlpatterns = [
    path("whisperers/", pages.list_page, name="whisperers"),
    path("whisperers/new/", pages.new_page, name="whisperer-new"),
    path(ONE, tabs.status_page, name="whisperer"),
    path(ONE + "status/", tabs.status_page, name="whisperer-status"),
    path(ONE + "head/", pages.head_part, name="whisperer-head"),
    path(ONE + "rail/", pages.rail_part, name="whisperer-rail"),
    path(ONE + "start/", pages.capture_action, {"capturing": True}, name="whisperer-start"),
    path(ONE + "stop/", pages.capture_action, {"capturing": False}, name="whisperer-stop"),
    path(ONE + "capture/", tabs.configuration_page, {"kind": "capture"}, name="whisperer-capture"),
    path(ONE + "parsing/", tabs.configuration_page, {"kind": "parsing"}, name="whisperer-parsing"),
    path(ONE + "instances/", tabs.instances_page, name="whisperer-instances"),
    path(ONE + "instances/<uuid:instance>/revoke/", tabs.instance_action, {"action": "revoke"}, name="instance-revoke"),
    path(ONE + "instances/<uuid:instance>/rotate/", tabs.instance_action, {"action": "rotate"}, name="instance-rotate"),
    path(ONE + "keys/<int:number>/revoke/", tabs.token_revoke_action, name="token-revoke"),
    path(ONE + "share/", tabs.share_page, name="whisperer-share"),
    path(ONE + "share/set/", tabs.share_action, name="whisperer-share-set"),
    path(ONE + "install/", tabs.install_page, name="whisperer-install"),
    path(ONE + "install/enrol/", tabs.enrol_action, name="whisperer-enrol"),
    path(ONE + "install/enrolments/<int:number>/revoke/", tabs.enrolment_revoke_action, name="enrolment-revoke"),
    path(ONE + "install/arrivals/", tabs.arrivals_part, name="whisperer-arrivals"),
    path(ONE + "changes/", pages.changes_page, name="whisperer-changes"),
    path(ONE + "edit/", pages.edit_page, name="whisperer-edit"),
    path(ONE + "purge/", pages.purge_action, name="whisperer-purge"),
    path(ONE + "delete/", pages.delete_action, name="whisperer-delete"),
    path("service-accounts/", accounts.list_page, name="service-accounts"),
    path(ACCOUNT, accounts.account_page, name="service-account"),
    path(ACCOUNT + "tokens/", accounts.token_action, name="service-account-token"),
    path(ACCOUNT + "tokens/<int:number>/revoke/", accounts.revoke_action, name="service-account-revoke"),
    path(ACCOUNT + "rights/", accounts.rights_action, name="service-account-rights"),
    path(ACCOUNT + "state/", accounts.state_action, name="service-account-state"),
    path(ACCOUNT + "owner/", accounts.owner_action, name="service-account-owner"),
    path(ACCOUNT + "delete/", accounts.delete_action, name="service-account-delete"),
]
