//! The program as its users run it: over the committed cores and logs, against what the dead processes said.

mod causes;
mod checked;
mod damage;
mod debuginfod;
mod exports;
mod heap;
mod incident;
mod logs;
mod parts;
mod program;
mod schema;
mod stacks;
mod usage;
