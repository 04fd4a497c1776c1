/* Commands for people with a console. Task context. */
#include "core/board.h"
#include "core/declare.h"
#include "core/mcu.h"

DECL_REASON(MEMORY_OUT_OF_REACH, "Memory address can't be accessed");
DECL_RESPONSE(debug_result_response, "debug_result val=%u");
DECL_RESPONSE(pong_response, "pong data=%*s");

void command_debug_read(const message_word *args)
{
    uint32_t value;
    if (!board_peek((uint32_t)args[1], (uint_fast8_t)args[0], &value))
        shutdown(MEMORY_OUT_OF_REACH);
    respond(debug_result_response, value);
}
DECL_COMMAND_ALWAYS(command_debug_read, "debug_read order=%c addr=%u");

void command_debug_write(const message_word *args)
{
    if (!board_poke((uint32_t)args[1], (uint_fast8_t)args[0], (uint32_t)args[2]))
        shutdown(MEMORY_OUT_OF_REACH);
}
DECL_COMMAND_ALWAYS(command_debug_write, "debug_write order=%c addr=%u val=%u");

void command_debug_ping(const message_word *args)
{
    respond(pong_response, args[0], args[1]);
}
DECL_COMMAND_ALWAYS(command_debug_ping, "debug_ping data=%*s");

void command_debug_nop(const message_word *args)
{
    (void)args;
}
DECL_COMMAND_ALWAYS(command_debug_nop, "debug_nop");
