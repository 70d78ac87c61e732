/* Any bytes as a configuration: refused with messages, or taken and compiled. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *printed = NULL;
    size_t printed_size = 0;
    FILE *out = open_memstream(&printed, &printed_size);
    if (!out)
        abort();
    struct diagnostics diagnostics = {.out = out, .color = size & 1};
    struct config *config = config_parse("fuzz.yaml", (const char *)data, size, &diagnostics);
    fclose(out);
    if ((config == NULL) == (diagnostics.errors == 0) || (diagnostics.errors && !printed_size))
        abort();
    if (config)
        config_compiled_close(config_compile(config));
    config_close(config);
    free(printed);
    return 0;
}
