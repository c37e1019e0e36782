/* Grants: what --dir, --allow-net, --allow-listen and --allow add to a component's permissions. */
#ifndef BH_CLI_GRANTS_H
#define BH_CLI_GRANTS_H

#include "settings.h"

/* Add what the options grant: 0, or an exit code after a message. */
int grants_add(bh_permissions *permissions, const settings *s);

#endif
