/* The configuration's life: oids, objects, final, forgotten. Task context. */
#include "core/arena.h"
#include "core/board.h"
#include "core/declare.h"
#include "core/mcu.h"
#include "core/moves.h"
#include "core/objects.h"

DECL_REASON(CONFIG_FINAL, "Already finalized");
DECL_REASON(CONFIG_RESET_RUNNING, "config_reset only available when shutdown");
DECL_RESPONSE(config_response, "config is_config=%c crc=%u is_shutdown=%c move_count=%hu");

static uint32_t config_crc;

void config_init(void)
{
    config_crc = 0;
}
DECL_INIT(config_init);

void command_get_config(const message_word *args)
{
    (void)args;
    respond(config_response, moves_ready(), config_crc, is_shutdown(), moves_count());
}
DECL_COMMAND_ALWAYS(command_get_config, "get_config");

void command_allocate_oids(const message_word *args)
{
    objects_allocate((uint_fast8_t)args[0]);
}
DECL_COMMAND(command_allocate_oids, "allocate_oids count=%c");

void command_finalize_config(const message_word *args)
{
    if (moves_ready())
        shutdown(CONFIG_FINAL);
    moves_finalize();
    config_crc = (uint32_t)args[0];
}
DECL_COMMAND(command_finalize_config, "finalize_config crc=%u");

void command_config_reset(const message_word *args)
{
    (void)args;
    if (!is_shutdown())
        shutdown(CONFIG_RESET_RUNNING);
    mcu_forget_config();
}
DECL_COMMAND_ALWAYS(command_config_reset, "config_reset");
