//! The client against a server that answers by a script, over real sockets.

mod asking_again;
mod breaking;
mod contract;
mod doubt;
mod events;
mod filled;
mod in_turn;
mod lists;
mod older;
mod promised;
mod record;
mod scripted;
mod shapes;
mod silence;
mod strange;
mod webhooks;
