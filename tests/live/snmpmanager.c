/* A manager with one SNMPv3 session that stays open: for every line on stdin one GET, its answer on stdout.
 * usage: snmpmanager PEER USER AUTH_PASSPHRASE PRIV_PASSPHRASE OID */
#include <net-snmp/net-snmp-config.h>

#include <net-snmp/net-snmp-includes.h>

#include <stdio.h>
#include <string.h>

static netsnmp_session *manager_open(char **argv)
{
    netsnmp_session session;
    snmp_sess_init(&session);
    session.version = SNMP_VERSION_3;
    session.peername = argv[1];
    session.securityName = argv[2];
    session.securityNameLen = strlen(argv[2]);
    session.securityLevel = SNMP_SEC_LEVEL_AUTHPRIV;
    session.securityAuthProto = snmp_duplicate_objid(usmHMAC192SHA256AuthProtocol, OID_LENGTH(usmHMAC192SHA256AuthProtocol));
    session.securityAuthProtoLen = OID_LENGTH(usmHMAC192SHA256AuthProtocol);
    session.securityPrivProto = snmp_duplicate_objid(usmAESPrivProtocol, OID_LENGTH(usmAESPrivProtocol));
    session.securityPrivProtoLen = OID_LENGTH(usmAESPrivProtocol);
    session.securityAuthKeyLen = session.securityPrivKeyLen = USM_AUTH_KU_LEN;
    generate_Ku(session.securityAuthProto, (u_int)session.securityAuthProtoLen, (u_char *)argv[3], strlen(argv[3]), session.securityAuthKey,
                &session.securityAuthKeyLen);
    generate_Ku(session.securityAuthProto, (u_int)session.securityAuthProtoLen, (u_char *)argv[4], strlen(argv[4]), session.securityPrivKey,
                &session.securityPrivKeyLen);
    session.timeout = 1000000;
    session.retries = 1;
    return snmp_open(&session);
}

int main(int argc, char **argv)
{
    oid name[MAX_OID_LEN];
    size_t length = MAX_OID_LEN;
    char line[64];
    if (argc != 6)
        return 64;
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
    netsnmp_set_mib_directory("");
    init_snmp("manager");
    setvbuf(stdout, NULL, _IOLBF, 0);
    netsnmp_session *session = manager_open(argv);
    if (!session || !read_objid(argv[5], name, &length))
        return 69;
    while (fgets(line, sizeof line, stdin)) {
        netsnmp_pdu *answer = NULL, *request = snmp_pdu_create(SNMP_MSG_GET);
        snmp_add_null_var(request, name, length);
        int status = snmp_synch_response(session, request, &answer);
        if (status == STAT_SUCCESS && answer->errstat == SNMP_ERR_NOERROR && answer->variables->type == ASN_OCTET_STR)
            printf("answer %.*s\n", (int)answer->variables->val_len, (const char *)answer->variables->val.string);
        else
            printf("no answer: %s\n", status == STAT_TIMEOUT ? "time-out" : snmp_api_errstring(session->s_snmp_errno));
        snmp_free_pdu(answer);
    }
    snmp_close(session);
    return 0;
}
