#include "command.h"
#include "options.h"

int cmd_lookup(int argc, char **argv)
{
    (void)argc;
    return options_complain(argv[0], "not there yet");
}
