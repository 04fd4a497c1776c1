/* Configuration, shutdown and the ways back. */
#include "check.h"
#include "core/arena.h"
#include "core/mcu.h"
#include "core/moves.h"
#include "fake_board.h"
#include "fake_host.h"

extern const uint16_t ARENA_FULL, EMERGENCY_STOP, OID_WRONG, COMMAND_UNKNOWN;
extern const struct message_format config_response, is_shutdown_response, starting_response, pong,
    clock_response;
void command_allocate_oids(const message_word *args);
void command_config_buttons(const message_word *args);
void command_config_reset(const message_word *args);
void command_config_trsync(const message_word *args);
void command_clear_shutdown(const message_word *args);
void command_emergency_stop(const message_word *args);
void command_endstop_query_state(const message_word *args);
void command_finalize_config(const message_word *args);
void command_get_clock(const message_word *args);
void command_get_config(const message_word *args);
void command_reset(const message_word *args);

static void boot(void)
{
    fake_boot(1000);
    CHECK(!is_shutdown());
    host_reset();
}

static void starting(void)
{
    host_reset();
    fake_boot(1000);
    CHECK(host_read(&starting_response));
}

/* The arena's rest becomes slots, all of them usable, none more. */
static void arena(void)
{
    boot();
    moves_need(40);
    host_send(command_finalize_config, 5);
    uint16_t count = moves_count();
    CHECK_EQUAL(count, 4096 / 40);
    uint8_t *slots[4096 / 40];
    for (uint16_t i = 0; i < count; i++) {
        slots[i] = move_take();
        for (uint16_t j = 0; j < 40; j++)
            slots[i][j] = (uint8_t)i;
    }
    for (uint16_t i = 0; i < count; i++)
        for (uint16_t j = 0; j < 40; j++)
            CHECK_EQUAL(slots[i][j], (uint8_t)i);
}

static void arena_full(void)
{
    boot();
    host_send(command_allocate_oids, 200);
    for (unsigned oid = 0; oid < 200 && !is_shutdown(); oid++)
        host_send(command_config_buttons, oid, 8);
    CHECK(host_saw_shutdown(&ARENA_FULL));
    host_send(command_config_reset);
    host_send(command_allocate_oids, 2);
    host_send(command_config_buttons, 1, 8);
    host_send(command_finalize_config, 77);
    CHECK(!is_shutdown());
    host_send(command_get_config);
    const message_word *words = host_read(&config_response);
    CHECK(words[0] == 1 && words[1] == 77 && words[2] == 0 && words[3] > 100);
}

static void refused_while_shut_down(void)
{
    boot();
    host_send(command_endstop_query_state, 9);
    CHECK(host_saw_shutdown(&OID_WRONG));
    host_send(command_endstop_query_state, 9);
    CHECK_EQUAL(host_read(&is_shutdown_response)[0], OID_WRONG);
    host_send(command_get_clock);
    CHECK_EQUAL(host_read(&clock_response)[0], fake.now);
    host_send_block((const uint8_t *)"\x5f", 1); /* no command has this id */
    CHECK_EQUAL(host_acknowledgement(), 4);
    CHECK(!host_saw_shutdown(&COMMAND_UNKNOWN)); /* the first reason stays */
    host_send(command_clear_shutdown);
    CHECK(!is_shutdown());
}

static void reset(void)
{
    boot();
    host_send(command_allocate_oids, 2);
    host_send(command_reset);
    CHECK_EQUAL(fake.resets, 1);
    CHECK(host_read(&starting_response));
    CHECK(!is_shutdown());
    host_reset();
    host_send(command_allocate_oids, 2);
    CHECK(!is_shutdown());
    CHECK_EQUAL(host_acknowledgement(), 1);
}

static void stops_for_the_target(void)
{
    boot();
    mcu_stop();
    CHECK(is_shutdown());
}

void test_life(void)
{
    starting();
    arena();
    arena_full();
    refused_while_shut_down();
    reset();
    stops_for_the_target();
}
