/* The system's errors as the words that every channel uses: a local firewall or a host that is down is unreachable, never an unnamed error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "agent/run/connect_reason.h"

static void each_error_has_its_word(void **state)
{
    static const struct {
        int error;
        uint16_t reason;
    } cases[] = {
        {ECONNREFUSED, REASON_CONNECT_REFUSED},
        {ETIMEDOUT, REASON_CONNECT_TIMEOUT},
        {EHOSTUNREACH, REASON_UNREACHABLE},
        {ENETUNREACH, REASON_UNREACHABLE},
        {ENETDOWN, REASON_UNREACHABLE},
        {EHOSTDOWN, REASON_UNREACHABLE},
        {EPERM, REASON_UNREACHABLE},
        {EACCES, REASON_UNREACHABLE},
        {EAFNOSUPPORT, REASON_UNREACHABLE},
        {EMFILE, REASON_NO_RESOURCES},
        {EADDRNOTAVAIL, REASON_NO_RESOURCES},
        {EIO, REASON_NETWORK_ERROR},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(connect_reason(cases[i].error), cases[i].reason);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_error_has_its_word)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
