//! What a request, or something that is due, does to the state: find, create, change, tell.

use super::{Event, PageAsked, Resource, Timer, World, change};
use crate::error::ApiError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The request that causes something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cause {
    /// `req_…`
    pub request: String,
    /// The key it was sent with.
    pub idempotency_key: Option<String>,
}

/// The state, and on whose behalf it changes.
pub(crate) struct Cx<'a> {
    /// The state.
    pub world: &'a mut World,
    /// The request; `None` when time does it.
    pub cause: Option<Cause>,
    /// Which part of a list is asked for.
    pub place: Option<PageAsked>,
    /// How to take back what was done, the last first.
    undo: Vec<Undo>,
}

/// Takes one step back.
type Undo = Box<dyn FnOnce(&mut World)>;

/// A moment to come back to.
pub(crate) struct Mark(usize);

/// An object as it was, to tell later what changed of it.
pub(crate) struct Before(Value);

impl<'a> Cx<'a> {
    /// Changes `world` on behalf of `cause`.
    pub fn new(world: &'a mut World, cause: Option<Cause>) -> Self {
        let random = world.random.clone();
        Self { world, cause, place: None, undo: vec![Box::new(|world| world.random = random)] }
    }

    /// Takes back all that was done.
    pub fn take_back(mut self) {
        self.rewind(Mark(0));
    }

    /// This moment, to come back to.
    pub fn mark(&mut self) -> Mark {
        let mark = Mark(self.undo.len());
        let random = self.world.random.clone();
        self.undo.push(Box::new(|world| world.random = random));
        mark
    }

    /// Takes back what was done since `mark`.
    pub fn rewind(&mut self, mark: Mark) {
        let steps = self.undo.split_off(mark.0.min(self.undo.len()));
        steps.into_iter().rev().for_each(|step| step(self.world));
    }
}

impl Cx<'_> {
    /// What time it is.
    pub fn now(&self) -> i64 {
        self.world.now
    }

    /// A new id.
    pub fn new_id(&mut self, prefix: &str) -> String {
        self.world.random.id(prefix)
    }

    /// Asks the clock to go on to `target`.
    pub fn go_to(&mut self, target: i64) {
        let was = std::mem::replace(&mut self.world.target, target);
        self.undo.push(Box::new(move |world| world.target = was));
    }

    /// Sets the clock of a sandbox in which nothing has happened yet.
    pub fn set_now(&mut self, now: i64) {
        let was = (self.world.now, self.world.target);
        (self.world.now, self.world.target) = (now, now);
        self.undo.push(Box::new(move |world| (world.now, world.target) = was));
    }

    /// Sets a timer.
    pub fn at(&mut self, at: i64, timer: Timer) {
        let set = self.world.timers.set(at, timer);
        self.undo.push(Box::new(move |world| world.timers.unset(&set)));
    }

    /// The object that a path names.
    ///
    /// # Errors
    /// 404 `resource_missing` about `id`.
    pub fn of_path<R: Resource>(&self, id: &str) -> Result<R, ApiError> {
        self.find::<R>(id).cloned().ok_or_else(|| ApiError::no_such(R::NOUN, id).at("id").status(404))
    }

    /// The object that the parameter `param` names.
    ///
    /// # Errors
    /// 400 `resource_missing` about `param`.
    pub fn given<R: Resource>(&self, id: &str, param: &str) -> Result<R, ApiError> {
        self.find::<R>(id).cloned().ok_or_else(|| ApiError::no_such(R::NOUN, id).at(param))
    }

    /// The object with this id, unless it was deleted.
    pub fn find<R: Resource>(&self, id: &str) -> Option<&R> {
        self.world.get::<R>(id).filter(|row| !row.is_deleted())
    }

    /// Puts an object in and tells nobody.
    pub fn put<R: Resource>(&mut self, row: R) {
        let id = row.id().to_owned();
        self.remember::<R>(&id);
        R::table_mut(&mut self.world.tables).put(id, row);
    }

    /// Takes an object out for good and tells nobody.
    pub fn remove<R: Resource>(&mut self, id: &str) {
        self.remember::<R>(id);
        R::table_mut(&mut self.world.tables).take(id);
    }

    /// Keeps an object as it is, in case all is taken back.
    fn remember<R: Resource>(&mut self, id: &str) {
        let id = id.to_owned();
        let was = self.world.get::<R>(&id).cloned();
        self.undo.push(Box::new(move |world| {
            let table = R::table_mut(&mut world.tables);
            match was {
                Some(row) => table.put(id, row),
                None => drop(table.take(&id)),
            }
        }));
    }

    /// Puts a new object in and tells it as `event`.
    pub fn create<R: Resource>(&mut self, row: R, event: &str) {
        let id = row.id().to_owned();
        self.put(row);
        self.tell::<R>(event, &id);
    }

    /// Changes an object and tells nobody. Nothing happens when there is none.
    pub fn edit<R: Resource>(&mut self, id: &str, edit: impl FnOnce(&mut R)) {
        self.remember::<R>(id);
        R::table_mut(&mut self.world.tables).edit(id, edit);
    }

    /// Changes an object and tells it as `event` with what changed, if anything did.
    pub fn change<R: Resource>(&mut self, id: &str, event: &str, edit: impl FnOnce(&mut R)) {
        let before = self.before::<R>(id);
        self.edit::<R>(id, edit);
        self.tell_change::<R>(event, id, before);
    }

    /// The object as it is now, to tell later what changed of it.
    pub fn before<R: Resource>(&self, id: &str) -> Before {
        Before(self.world.shown(R::SCHEMA, id).unwrap_or_default())
    }

    /// Tells as `event` what changed of an object since `before`, if anything did.
    pub fn tell_change<R: Resource>(&mut self, event: &str, id: &str, before: Before) {
        let object = self.world.shown(R::SCHEMA, id).unwrap_or_default();
        if let Some(previous) = change::previous(&before.0, &object) {
            self.tell_value(event, object, Some(previous));
        }
    }

    /// Tells an object as `event`.
    pub fn tell<R: Resource>(&mut self, event: &str, id: &str) {
        let object = self.world.shown(R::SCHEMA, id).unwrap_or_default();
        self.tell_value(event, object, None);
    }

    /// Tells `object` as `event`.
    pub fn tell_value(&mut self, event: &str, object: Value, previous: Option<Value>) {
        let id = self.new_id("evt");
        let event = Event {
            id,
            kind: event.to_owned(),
            created: self.now(),
            object,
            previous,
            cause: self.cause.clone(),
            pending_webhooks: 0,
        };
        let customer = crate::objects::entitlements::concerned(&event);
        crate::deliver::plan(self, event);
        if let Some(customer) = customer {
            crate::objects::entitlements::follow(self, &customer);
        }
    }
}
