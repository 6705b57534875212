/* F41: what control groups of both versions leave a rank. The files are made up: no test may change the machine's own. */
#include <criterion/criterion.h>
#include <string.h>

#include "../../src/run/job.h"
#include "../harness/scratch.h"

/* `lines` as /proc/self/cgroup; limits are files below the scratch folder. */
static ist_memory_room room_of(const char *lines, int ranks)
{
    const char *groups = scratch_path("groups");
    file_write_text(groups, lines);
    return ist_cgroup_memory(groups, scratch_dir(), ranks);
}

Test(available, F41_control_groups)
{
    cr_expect(room_of("0::/\n", 1).bytes == 0);
    file_write_text(scratch_path("job/step/task/memory.max"), "max\n");
    cr_expect(room_of("0::/job/step/task\n", 1).bytes == 0);
    file_write_text(scratch_path("job/step/task/memory.max"), "8000000\n");
    file_write_text(scratch_path("job/step/memory.max"), "9000000\n");
    ist_memory_room room = room_of("0::/job/step/task\n", 4);
    cr_expect(room.bytes == 2000000 && strcmp(room.from, "the control group") == 0);
    /* Those above it count, too; one of a name that merely begins alike does not. */
    file_write_text(scratch_path("job/memory.max"), "6000000\n");
    file_write_text(scratch_path("job/ste/memory.max"), "1000\n");
    cr_expect(room_of("0::/job/step/task\n", 1).bytes == 6000000);
    file_write_text(scratch_path("memory.max"), "5000000\n");
    cr_expect(room_of("0::/job/step/task\n", 1).bytes == 5000000);
    /* Version 1, among lines of other controllers; then both. */
    file_write_text(scratch_path("memory/slurm/job_1/memory.limit_in_bytes"), "4000000\n");
    cr_expect(room_of("7:cpuset:/slurm\n5:memory:/slurm/job_1\n1:name=systemd:/x\n", 2).bytes ==
              2000000);
    cr_expect(room_of("5:memory:/slurm/job_1\n0::/job\n", 1).bytes == 4000000);
    /* Nothing to be read. */
    cr_expect(room_of("", 1).bytes == 0 && room_of("no cgroup line\n", 1).bytes == 0);
    cr_expect(ist_cgroup_memory(scratch_path("gone"), scratch_dir(), 1).bytes == 0);
}
