/* The data dictionary, in pieces. Task context. */
#include <string.h>

#include "core/declare.h"
#include "core/generated.h"

DECL_RESPONSE(identify_response, "identify_response offset=%u data=%.*s");

enum { PIECE_MAX = MESSAGE_CONTENT_MAX - 1 - 5 - 1 }; /* id, offset, length of data */

void command_identify(const message_word *args)
{
    uint8_t piece[PIECE_MAX];
    uint32_t offset = (uint32_t)args[0];
    uint32_t count = (uint8_t)args[1];
    uint32_t left = offset < generated_dictionary_size ? generated_dictionary_size - offset : 0;
    if (count > PIECE_MAX)
        count = PIECE_MAX;
    if (count > left)
        count = left;
    for (uint32_t i = 0; i < count; i++)
        piece[i] = flash_u8(&generated_dictionary[offset + i]);
    respond(identify_response, offset, count, message_address(piece));
}
DECL_COMMAND_ALWAYS(command_identify, "identify offset=%u count=%c");
