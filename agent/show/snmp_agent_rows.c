/* One raw handler for the whole subtree, GETBULK included: requests in, cells out, through snmp_tree. */
#include <net-snmp/net-snmp-config.h>

#include <net-snmp/net-snmp-includes.h>

#include <net-snmp/agent/net-snmp-agent-includes.h>

#include "snmp_agent.h"

#include <string.h>
#include <time.h>

_Static_assert(sizeof(oid) == sizeof(unsigned long), "identifiers go to snmp_tree as they are");

struct agent_counts agent_counts;
static const struct snapshot *shown;

void agent_rows_show(const struct snapshot *snapshot)
{
    shown = snapshot;
}

static void set_value(netsnmp_variable_list *variable, const struct tree_place *place, uint32_t now)
{
    struct cell cell;
    place->column->get(snapshot_row(shown, place->table->id, place->row), now, &cell);
    agent_counts.variables++;
    if (cell.type == CELL_DATE) {
        uint8_t date[DATE_OCTETS];
        date_octets(cell.number, date);
        snmp_set_var_typed_value(variable, ASN_OCTET_STR, date, sizeof date);
    } else if (place->column->asn == ASN_OCTET_STR) {
        snmp_set_var_typed_value(variable, ASN_OCTET_STR, cell.text, cell.size);
    } else if (place->column->asn == ASN_COUNTER64) {
        struct counter64 counter = {(u_long)((uint64_t)cell.number >> 32), (u_long)((uint64_t)cell.number & UINT32_MAX)};
        snmp_set_var_typed_value(variable, ASN_COUNTER64, &counter, sizeof counter);
    } else {
        long number = (long)cell.number;
        snmp_set_var_typed_value(variable, place->column->asn, &number, sizeof number);
    }
}

static void answer_get(netsnmp_agent_request_info *info, netsnmp_request_info *request, uint32_t now)
{
    struct tree_place place;
    netsnmp_variable_list *variable = request->requestvb;
    enum tree_found found = tree_find(shown, variable->name, variable->name_length, &place);
    if (found == TREE_FOUND)
        set_value(variable, &place, now);
    else
        netsnmp_set_request_error(info, request, found == TREE_NO_INSTANCE ? SNMP_NOSUCHINSTANCE : SNMP_NOSUCHOBJECT);
}

/* With CAN_GETBULK the agent checks the view of the first variable only: each repetition is checked here, or rows outside a
 * manager's view would be told. */
static bool in_view(netsnmp_agent_request_info *info, netsnmp_variable_list *variable)
{
    size_t length = variable->name_length;
    return in_a_view(variable->name, &length, info->asp->pdu, variable->type) == VACM_SUCCESS;
}

static void answer_next(netsnmp_agent_request_info *info, netsnmp_request_info *request, uint32_t now)
{
    struct tree_place place;
    netsnmp_variable_list *variable = request->requestvb;
    bool more = tree_next(shown, variable->name, variable->name_length, &place);
    while (more) {
        unsigned long name[TREE_NAME_MAX];
        size_t length = tree_name(shown, &place, name);
        snmp_set_var_objid(variable, name, length);
        set_value(variable, &place, now);
        more = tree_advance(shown, &place);
        if (info->mode == MODE_GETBULK && !in_view(info, variable)) {
            snmp_set_var_typed_value(variable, ASN_NULL, NULL, 0);
            continue;
        }
        if (info->mode != MODE_GETBULK || request->repeat <= 0 || !variable->next_variable)
            break;
        if (request->range_end && snmp_oid_compare(variable->name, variable->name_length, request->range_end, request->range_end_len) >= 0)
            break;
        request->repeat--;
        snmp_set_var_objid(variable->next_variable, variable->name, variable->name_length);
        variable = variable->next_variable;
        request->requestvb = variable;
    }
}

static int handle(netsnmp_mib_handler *handler, netsnmp_handler_registration *registration, netsnmp_agent_request_info *info,
                  netsnmp_request_info *requests)
{
    uint32_t now = (uint32_t)time(NULL);
    (void)handler, (void)registration;
    agent_counts.requests++;
    for (netsnmp_request_info *request = requests; request; request = request->next) {
        if (request->processed)
            continue;
        if (info->mode == MODE_GET && !shown)
            netsnmp_set_request_error(info, request, SNMP_NOSUCHOBJECT);
        else if (info->mode == MODE_GET)
            answer_get(info, request, now);
        else if (shown && (info->mode == MODE_GETNEXT || info->mode == MODE_GETBULK))
            answer_next(info, request, now);
    }
    return SNMP_ERR_NOERROR;
}

bool agent_rows_register(void)
{
    netsnmp_handler_registration *registration =
        netsnmp_create_handler_registration("solowarden", handle, tree_root, TREE_ROOT_LENGTH, HANDLER_CAN_RONLY | HANDLER_CAN_GETBULK);
    return registration && netsnmp_register_handler(registration) == MIB_REGISTERED_OK;
}
