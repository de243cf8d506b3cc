//! The client against a server that answers by a script, over real sockets.

mod asking_again;
mod breaking;
mod events;
mod lists;
mod scripted;
mod shapes;
